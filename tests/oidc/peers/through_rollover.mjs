// A relying party on openid-client that stays: for each line on standard input it signs in and
// verifies the ID token by the published keys as it has them cached. Takes one JSON argument;
// each line holds the seconds by which its clock moves on; each answer is a line of JSON.
import * as readline from 'node:readline'
import * as client from 'openid-client'

const given = JSON.parse(process.argv[2])
const now = Date.now
let moved = 0
Date.now = () => now() + moved * 1000

const config = await client.discovery(
  new URL(given.issuer),
  given.clientId,
  { id_token_signed_response_alg: given.alg },
  client.ClientSecretBasic(given.secret),
  { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
)

const signIn = async () => {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const parameters = {
    redirect_uri: given.redirectUri,
    scope: 'openid',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
  }
  const address = await client.buildAuthorizationUrlWithPAR(config, parameters)
  const response = await fetch(address, { redirect: 'manual', headers: { cookie: given.cookie } })
  const location = new URL(response.headers.get('location'), given.issuer)
  return client.authorizationCodeGrant(config, location, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    idTokenExpected: true,
  })
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  moved += Number(line)
  const tokens = await signIn()
  const header = JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url').toString())
  console.log(JSON.stringify({ kid: header.kid, sub: tokens.claims().sub }))
}
