// A client on openid-client that lives on its tokens: refresh, APIs, introspection, revocation.
// Takes one JSON argument; prints what it learned as JSON.
import * as client from 'openid-client'

const given = JSON.parse(process.argv[2])
const insecure = { execute: [client.allowInsecureRequests] }
const discover = (id, way) => client.discovery(new URL(given.issuer), id, {}, way, insecure)

const key = async () => ({
  key: await crypto.subtle.importKey(
    'jwk',
    given.jwk,
    { name: 'ECDSA', namedCurve: 'P-256' },
    false,
    ['sign'],
  ),
  kid: given.jwk.kid,
})

const application = await discover('peer', client.ClientSecretPost(given.secret))
const machine = await discover('machine', client.PrivateKeyJwt(await key()))
const api = await discover('orders', client.ClientSecretBasic(given.secret))

const verifier = client.randomPKCECodeVerifier()
const address = client.buildAuthorizationUrl(application, {
  redirect_uri: given.redirectUri,
  scope: 'openid email read',
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
})
const response = await fetch(address, { redirect: 'manual', headers: { cookie: given.cookie } })
const first = await client.authorizationCodeGrant(
  application,
  new URL(response.headers.get('location')),
  { pkceCodeVerifier: verifier, idTokenExpected: true },
)

const second = await client.refreshTokenGrant(application, first.refresh_token)
const userinfo = await client.fetchUserInfo(application, second.access_token, second.claims().sub)
const called = await client.refreshTokenGrant(application, second.refresh_token, { resource: given.resource })
const seen = await client.tokenIntrospection(api, called.access_token)
await client.tokenRevocation(application, called.refresh_token)
const revoked = await client.tokenIntrospection(api, called.access_token)
const after = await client.refreshTokenGrant(application, called.refresh_token).then(
  () => 'refreshed',
  (error) => error.error,
)
const own = await client.clientCredentialsGrant(machine, { resource: given.resource, scope: 'read' })
const ownSeen = await client.tokenIntrospection(api, own.access_token)
console.log(JSON.stringify({ userinfo, scope: called.scope, seen, revoked, after, ownSeen }))
