// An OAuth server (oidc-provider) over HTTPS: oauth_server.js CERTIFICATE KEY. Says its address in one line when it listens.
// Clients app-1 and app-2 log people in, by page (PKCE) or device; the tokens of app-1 are JWTs, those of app-2 are known to this server alone.
// "gateway" may ask about tokens. Whoever logs in is whom they say they are.
const fs = require("fs");
const https = require("https");
const path = require("path");
const { generateKeyPairSync } = require("crypto");

const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";
const client = (id, more) => ({
	client_id: id, client_secret: "SECRET-" + id, token_endpoint_auth_method: "client_secret_post", application_type: "native",
	grant_types: ["authorization_code", "refresh_token", DEVICE], response_types: ["code"], redirect_uris: ["http://localhost/"],
	id_token_signed_response_alg: "ES256", ...more,
});
const resource = (format) => ({ scope: "smtp.send", audience: "smtp", accessTokenTTL: 3600, accessTokenFormat: format, jwt: { sign: { alg: "ES256" } } });

function configuration() {
	const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
	return {
		clients: [client("app-1"), client("app-2"),
			client("gateway", { token_endpoint_auth_method: "client_secret_basic", grant_types: [], response_types: [], redirect_uris: [] })],
		clientAuthMethods: ["client_secret_post", "client_secret_basic"],
		jwks: { keys: [{ ...key, kid: "1", use: "sig", alg: "ES256" }] },
		cookies: { keys: ["tests"] },
		pkce: { required: () => true },
		rotateRefreshToken: true,
		issueRefreshToken: () => true,
		findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
		features: {
			deviceFlow: { enabled: true }, revocation: { enabled: true }, introspection: { enabled: true, allowedPolicy: () => true },
			resourceIndicators: {
				enabled: true,
				defaultResource: (_, client) => client.clientId === "app-1" ? "urn:smtp:jwt" : "urn:smtp:opaque",
				useGrantedResource: () => true,
				getResourceServerInfo: (_, name) => resource(name.split(":")[2]),
			},
		},
	};
}

async function main() {
	const { Provider } = await import(path.join(process.env.NODE_PATH, "oidc-provider", "lib", "index.js"));
	const server = https.createServer({ cert: fs.readFileSync(process.argv[2]), key: fs.readFileSync(process.argv[3]) });
	await new Promise((done) => server.listen(0, "127.0.0.1", done));
	const issuer = "https://127.0.0.1:" + server.address().port;
	server.on("request", new Provider(issuer, configuration()).callback());
	console.log("listening " + issuer);
}

console.warn = console.info = () => {};
main();
