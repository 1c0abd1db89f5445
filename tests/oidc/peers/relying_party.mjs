// A relying party on openid-client: signs in with the browser's cookie, reads userinfo, signs out.
// Takes one JSON argument; prints what it learned as JSON.
import * as client from 'openid-client'

const given = JSON.parse(process.argv[2])

const ways = {
  basic: () => client.ClientSecretBasic(given.secret),
  post: () => client.ClientSecretPost(given.secret),
  none: () => client.None(),
}
const config = await client.discovery(
  new URL(given.issuer),
  given.clientId,
  { id_token_signed_response_alg: given.alg },
  ways[given.way](),
  { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
)

const browse = async (url) => {
  const response = await fetch(url, { redirect: 'manual', headers: { cookie: given.cookie } })
  const location = response.headers.get('location')
  if (location === null) throw new Error(`no redirect but ${response.status}: ${await response.text()}`)
  return new URL(location, given.issuer)
}

const signIn = async (extra) => {
  const verifier = client.randomPKCECodeVerifier()
  const [state, nonce] = [client.randomState(), client.randomNonce()]
  const address = client.buildAuthorizationUrl(config, {
    redirect_uri: given.redirectUri,
    scope: 'openid profile email',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...extra,
  })
  return client.authorizationCodeGrant(config, await browse(address), {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
    maxAge: extra.max_age,
  })
}

const tokens = await signIn({ max_age: 3600 })
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
const goodbye = await browse(
  client.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token,
    post_logout_redirect_uri: given.goodbye,
    state: 'bye',
  }),
)
const after = await signIn({ prompt: 'none' }).then(
  () => 'signed in',
  (error) => error.error,
)
console.log(JSON.stringify({ claims, userinfo, goodbye: goodbye.href, after }))
