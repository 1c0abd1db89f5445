"""A service provider on lasso, the library under mod_auth_mellon; run by the system's Python.

Reads one JSON command a line, {"do": ...}, and answers each with one line: {"ok": ...} or {"error": text}.
"""

import json
import sys

import lasso

given = json.loads(sys.argv[1])
server = lasso.Server.newFromBuffers(given["metadata"], given["privateKey"], None, given["publicCert"])
server.signatureMethod = lasso.SIGNATURE_METHOD_RSA_SHA256
server.addProviderFromBuffer(lasso.PROVIDER_ROLE_IDP, given["idpMetadata"], None, None)
server.setEncryptionPrivateKey(given["privateKey"])
state = {"identity": None, "session": None}


def ask(_command):
    login = lasso.Login(server)
    login.initAuthnRequest(None, lasso.HTTP_METHOD_REDIRECT)
    login.request.nameIdPolicy.format = lasso.SAML2_NAME_IDENTIFIER_FORMAT_PERSISTENT
    login.request.nameIdPolicy.allowCreate = True
    login.buildAuthnRequestMsg()
    state["asked"] = login.request.iD
    return login.msgUrl


def accept(command):
    login = lasso.Login(server)
    login.processAuthnResponseMsg(command["fields"]["SAMLResponse"])
    if login.response.inResponseTo != state["asked"]:
        raise ValueError("InResponseTo")
    login.acceptSso()
    state["session"] = login.session.dump()
    state["identity"] = login.identity.dump() if login.identity else None
    assertion = login.assertion
    attributes = {
        each.friendlyName: ["".join(str(node) for node in value.any) for value in each.attributeValue]
        for statement in assertion.attributeStatement
        for each in statement.attribute
    }
    return {
        "nameID": assertion.subject.nameId.content,
        "format": assertion.subject.nameId.format,
        "sessionIndex": assertion.authnStatement[0].sessionIndex,
        "attributes": sorted(attributes),
    }


def _logout():
    logout = lasso.Logout(server)
    if state["identity"]:
        logout.setIdentityFromDump(state["identity"])
    if state["session"]:
        logout.setSessionFromDump(state["session"])
    return logout


def leave(command):
    logout = _logout()
    method = lasso.HTTP_METHOD_SOAP if command.get("soap") else lasso.HTTP_METHOD_REDIRECT
    logout.initRequest(None, method)
    logout.buildRequestMsg()
    state["leaving"] = logout.dump()
    return {"address": logout.msgUrl, "body": logout.msgBody}


def left(command):
    logout = lasso.Logout.newFromDump(server, state["leaving"])
    logout.processResponseMsg(command["query"])
    return logout.response.status.statusCode.value


def told(command):
    logout = _logout()
    logout.processRequestMsg(command["query"])
    logout.validateRequest()
    logout.buildResponseMsg()
    return {"address": logout.msgUrl, "body": logout.msgBody, "nameID": logout.request.nameId.content}


for line in sys.stdin:
    command = json.loads(line)
    try:
        said = {"ok": globals()[command["do"]](command)}
    except (lasso.Error, AttributeError, KeyError, TypeError, ValueError) as error:
        said = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
