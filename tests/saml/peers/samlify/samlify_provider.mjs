// A service provider on samlify that signs everything, speaks logout by POST and reads encrypted answers.
// Reads one JSON command a line, {do, ...}, and answers each with one line: {ok: ...} or {error: text}.
import { createInterface } from 'node:readline'
import * as samlify from 'samlify'

const given = JSON.parse(process.argv[2])
// It has no validator of its own; the messages are held against the schemas elsewhere.
samlify.setSchemaValidator({ validate: async () => 'not looked at' })
const { binding, namespace } = samlify.Constants
const oneLine = (pem) => pem.replace(/-----[^-]+-----|\s/g, '')
const sp = samlify.ServiceProvider({
  entityID: `${given.app}/samlify`,
  assertionConsumerService: [{ Binding: namespace.binding.post, Location: `${given.app}/acs` }],
  singleLogoutService: [{ Binding: namespace.binding.post, Location: `${given.app}/slo` }],
  signingCert: oneLine(given.publicCert),
  encryptCert: oneLine(given.publicCert),
  privateKey: given.privateKey,
  encPrivateKey: given.privateKey,
  // It insists that both sides say the same, and we accept both.
  authnRequestsSigned: false,
  wantAssertionsSigned: true,
  wantMessageSigned: true,
  wantLogoutRequestSigned: true,
  wantLogoutResponseSigned: true,
  requestSignatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  messageSigningOrder: 'encrypt-then-sign',
  isAssertionEncrypted: true,
  // By itself it looks for the Issuer of a Response, whatever it signs.
  signatureConfig: { prefix: 'ds', location: { reference: "/*/*[local-name(.)='Issuer']", action: 'after' } },
})
const idp = samlify.IdentityProvider({
  metadata: given.idpMetadata,
  isAssertionEncrypted: true,
  messageSigningOrder: 'encrypt-then-sign',
  wantLogoutRequestSigned: true,
  wantLogoutResponseSigned: true,
})
const posted = ({ entityEndpoint, context, type }) => ({ address: entityEndpoint, fields: { [type]: context } })
let asked

const commands = {
  metadata: () => sp.getMetadata(),
  ask: () => {
    const { id, context } = sp.createLoginRequest(idp, 'redirect')
    asked = id
    return context
  },
  accept: async ({ fields }) => {
    const { extract } = await sp.parseLoginResponse(idp, 'post', { body: fields })
    if (extract.response.inResponseTo !== asked) throw new Error('InResponseTo')
    return extract
  },
  leave: ({ user }) => {
    const made = sp.createLogoutRequest(idp, 'post', user)
    asked = made.id
    return posted(made)
  },
  left: async ({ fields }) => (await sp.parseLogoutResponse(idp, 'post', { body: fields })).extract,
  told: async ({ fields }) => {
    const read = await sp.parseLogoutRequest(idp, 'post', { body: fields })
    return { ...posted(sp.createLogoutResponse(idp, read, 'post')), said: read.extract }
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  try {
    console.log(JSON.stringify({ ok: await commands[command.do](command), asked }))
  } catch (error) {
    console.log(JSON.stringify({ error: String(error?.message ?? error) }))
  }
}
