// The independent package at work. Reads a list of messages from standard input, each with a secret, the
// clock's seconds "at", a body, and headers to verify or an id to sign; answers "valid", or why
// not, or the signature, in the same order.
const {Webhook} = require('standardwebhooks')

const answer = ({secret, at, body, headers, id}) => {
  Date.now = () => at * 1000
  const webhook = new Webhook(secret)
  if (id) return webhook.sign(id, new Date(at * 1000), body)
  try {
    webhook.verify(body, headers, {jsonParse: false})
    return 'valid'
  } catch (error) {
    return error.message
  }
}

const messages = JSON.parse(require('fs').readFileSync(0, 'utf8'))
process.stdout.write(JSON.stringify(messages.map(answer)))
