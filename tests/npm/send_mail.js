// nodemailer as a client: reads [{"transport": options, "mails": [...]}] from its input and prints what came of each, in their order: nodemailer's
// answer, or its error. The mails of one transport are sent at once, over its pool where it has one.
const fs = require("fs");
const nodemailer = require("nodemailer");

const told = ({ accepted, rejected, response, envelope }) => ({ accepted, rejected, response, envelope });
const failed = ({ code, responseCode, response, command, message }) => ({ error: code, responseCode, response, command, message });

async function run({ transport, mails }) {
	const sender = nodemailer.createTransport(transport);
	const results = await Promise.all(mails.map((mail) => sender.sendMail(mail).then(told, failed)));
	sender.close();
	return results;
}

async function main() {
	const results = [];
	for (const job of JSON.parse(fs.readFileSync(0)))
		results.push(await run(job));
	console.log(JSON.stringify(results));
}

main();
