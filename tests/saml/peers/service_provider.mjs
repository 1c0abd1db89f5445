// A service provider on @node-saml/node-saml with its own defaults. Reads one JSON command a line,
// {do, ...}, and answers each with one line: {ok: ...} or {error: text}.
import { createInterface } from 'node:readline'
import { SAML } from '@node-saml/node-saml'

const given = JSON.parse(process.argv[2])
const options = {
  callbackUrl: `${given.app}/acs`,
  logoutCallbackUrl: `${given.app}/slo`,
  issuer: `${given.app}/node`,
  entryPoint: given.sso,
  logoutUrl: given.slo,
  idpCert: given.idpCert,
  idpIssuer: given.idpIssuer,
  audience: `${given.app}/node`,
  privateKey: given.privateKey,
  publicCert: given.publicCert,
  ...(given.decryptionKey ? { decryptionPvk: given.decryptionKey } : {}),
  signatureAlgorithm: 'sha256',
  digestAlgorithm: 'sha256',
  validateInResponseTo: 'always',
}
const saml = new SAML(options)
// Without this it deflates for POST too, which the binding does not know (bindings 3.5.4).
const posting = { authnRequestBinding: 'HTTP-POST', skipRequestCompression: true }
// Its requests are remembered by the one that accepts the answers.
const asking = (changed) => new SAML({ ...options, cacheProvider: saml.cacheProvider, ...changed })

const commands = {
  metadata: () => saml.generateServiceProviderMetadata(given.decryptionKey ? given.publicCert : null, given.publicCert),
  authorize: ({ relayState, changed }) => asking(changed).getAuthorizeUrlAsync(relayState, undefined, {}),
  form: ({ relayState, changed }) => asking({ ...posting, ...changed }).getAuthorizeMessageAsync(relayState),
  accept: async ({ fields }) => (await saml.validatePostResponseAsync(fields)).profile,
  logout: ({ profile }) => saml.getLogoutUrlAsync(profile, 'bye', {}),
  heard: ({ query }) => saml.validateRedirectAsync(Object.fromEntries(new URLSearchParams(query)), query),
  answer: ({ profile }) => saml.getLogoutResponseUrlAsync(profile, '', {}, true),
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  try {
    console.log(JSON.stringify({ ok: await commands[command.do](command) }))
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }))
  }
}
