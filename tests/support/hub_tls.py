"""Certificates for the test hub, made with the openssl command: an authority of its own and a server certificate."""
import os
import subprocess

NAMES = "subjectAltName=IP:127.0.0.1,IP:127.0.0.2,DNS:localhost"


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make_certificates(folder):
    """Returns (file of the authority, (server certificate, server key))."""
    place = {name: os.path.join(folder, name) for name in
             ("ca.pem", "ca.key", "server.pem", "server.key", "server.csr", "extensions")}
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=larder test authority", "-keyout", place["ca.key"], "-out", place["ca.pem"])
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", "/CN=127.0.0.1", "-keyout", place["server.key"], "-out", place["server.csr"])
    with open(place["extensions"], "w") as file:
        file.write(NAMES + "\n")
    openssl("x509", "-req", "-in", place["server.csr"], "-CA", place["ca.pem"], "-CAkey", place["ca.key"],
            "-CAcreateserial", "-days", "2", "-extfile", place["extensions"], "-out", place["server.pem"])
    return place["ca.pem"], (place["server.pem"], place["server.key"])
