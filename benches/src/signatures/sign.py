# One message a line comes in, one signature a line goes out. KEY is the private key in hex, LIBRARY and FORM say how.
import hashlib
import json
import os
import sys

secret = bytes.fromhex(os.environ["KEY"])

if os.environ["LIBRARY"] == "ecdsa":
    from ecdsa import SECP256k1, SigningKey
    from ecdsa.util import sigencode_der, sigencode_string

    key = SigningKey.from_string(secret, curve=SECP256k1)
    encode = sigencode_der if os.environ["FORM"] == "der" else sigencode_string

    def signed(message):
        return key.sign(message, hashfunc=hashlib.sha256, sigencode=encode)
else:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256K1())

    def signed(message):
        return key.sign(message, ec.ECDSA(hashes.SHA256()))


for line in sys.stdin:
    print(signed(json.loads(line).encode()).hex())
