import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

// The two calls of STS that assume a role, over real HTTP.

/** The credentials of a session. */
export interface SessionCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
}

/** A running server. */
export interface StsServer {
  readonly endpoint: string
  /** The roles that were assumed, each with the identity token of the request, if it had one. */
  readonly assumed: readonly { readonly role: string; readonly token: string }[]
  close(): Promise<void>
}

/** Starts a server that gives everybody the same credentials. */
export async function startStsServer(credentials: SessionCredentials): Promise<StsServer> {
  const assumed: { role: string; token: string }[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    request.on('end', () => {
      const form = new URLSearchParams(text)
      const role = form.get('RoleArn') ?? ''
      const token = form.get('WebIdentityToken') ?? ''
      const action = form.get('Action') ?? ''
      const isRight =
        action === 'AssumeRoleWithWebIdentity' ? token !== '' : action === 'AssumeRole'
      if (isRight) assumed.push({ role, token })
      response.writeHead(isRight ? 200 : 400, { 'content-type': 'text/xml' })
      response.end(isRight ? sessionReply(action, role, credentials) : REFUSAL)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    assumed,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/'
const REFUSAL = `<ErrorResponse xmlns="${NAMESPACE}"><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>no token</Message></Error></ErrorResponse>`

function sessionReply(action: string, role: string, session: SessionCredentials): string {
  const { accessKeyId, secretAccessKey, sessionToken } = session
  const expiration = new Date(Date.now() + 3_600_000).toISOString()
  const user = role.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')
  return (
    `<${action}Response xmlns="${NAMESPACE}"><${action}Result>` +
    `<AssumedRoleUser><Arn>${user}/job</Arn><AssumedRoleId>AROAEXAMPLE:job</AssumedRoleId></AssumedRoleUser>` +
    `<Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>` +
    `<SessionToken>${sessionToken}</SessionToken><Expiration>${expiration}</Expiration></Credentials>` +
    `</${action}Result></${action}Response>`
  )
}
