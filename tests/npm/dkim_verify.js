// dkim_verify.js FOLDER: what mailauth says of each signature of each FOLDER/*.eml, as JSON; FOLDER/records.json has the TXT records.
const fs = require("fs");
const path = require("path");
const { dkimVerify } = require("mailauth/lib/dkim/verify");

const folder = process.argv[2];
const records = JSON.parse(fs.readFileSync(path.join(folder, "records.json")));

async function resolver(name) {
	const record = records[name.toLowerCase().replace(/\.$/, "") + "."];
	if (!record)
		throw Object.assign(new Error("ENOTFOUND"), { code: "ENOTFOUND" });
	return [record.match(/.{1,255}/g)];
}

(async () => {
	const found = {};
	for (const name of fs.readdirSync(folder).filter((name) => name.endsWith(".eml")).sort()) {
		const { results } = await dkimVerify(fs.createReadStream(path.join(folder, name)), { resolver });
		found[name] = {};
		for (const { selector, signingDomain, status } of results)
			if (signingDomain)
				found[name][`${selector}.${signingDomain}`] = status.result === "pass";
	}
	process.stdout.write(JSON.stringify(found));
})();
