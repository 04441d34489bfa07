// One message a line comes in, one signature a line goes out. KEY is the private key in hex, LIBRARY and FORM say how.
import { createECDH, createPrivateKey, sign } from "node:crypto";
import { createInterface } from "node:readline";

const { KEY, LIBRARY, FORM } = process.env;
const secret = Buffer.from(KEY, "hex");

function withNode() {
  const pair = createECDH("secp256k1");
  pair.setPrivateKey(secret);
  const point = pair.getPublicKey();
  const jwk = {
    kty: "EC",
    crv: "secp256k1",
    d: secret.toString("base64url"),
    x: point.subarray(1, 33).toString("base64url"),
    y: point.subarray(33).toString("base64url"),
  };
  const key = createPrivateKey({ key: jwk, format: "jwk" });
  const dsaEncoding = FORM === "der" ? "der" : "ieee-p1363";
  return (message) => sign("sha256", Buffer.from(message), { key, dsaEncoding });
}

async function withNoble() {
  const { secp256k1 } = await import("@noble/curves/secp256k1.js");
  const format = FORM === "der" ? "der" : "compact";
  return (message) => Buffer.from(secp256k1.sign(new TextEncoder().encode(message), secret, { format }));
}

const signed = LIBRARY === "noble" ? await withNoble() : withNode();
for await (const line of createInterface({ input: process.stdin })) {
  console.log(signed(JSON.parse(line)).toString("hex"));
}
