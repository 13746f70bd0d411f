#!/usr/bin/env node
// Holds a lock for as long as its input lasts, through the death of nodes.
//
//     lock.mjs http://127.0.0.1:7180,http://127.0.0.1:7181 NAME [TTL]
//
// The TTL is in seconds, 2 if nothing is said. It needs nothing but Node's own fetch. LOCKSTEP_TOKEN is the token to show, if the
// nodes ask for one, and LOCKSTEP_TOKEN_FILE a file with it; NODE_EXTRA_CA_CERTS is
// whose certificates count.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const [nodes, name] = [process.argv[2].split(','), process.argv[3]]
const ttl = 1000 * Number(process.argv[4] ?? 2) // milliseconds
// Node has no clock that runs while the machine is suspended: what cannot be undone
// has to check the token as well.
const clock = () => performance.now()

const { LOCKSTEP_TOKEN: shown, LOCKSTEP_TOKEN_FILE: file } = process.env
const secret = shown || (file && readFileSync(file, 'utf8').trim())
const headers = { 'Content-Type': 'application/json', ...(secret && { Authorization: `Bearer ${secret}` }) }

// call sends one request, again and to the next node until one answers. What must
// not be executed twice has a slot and a number, and is executed once.
async function call(method, request) {
  for (const end = clock() + ttl; ; ) {
    try {
      const answer = await fetch(`${nodes[0]}/lockstep.v1.LockService/${method}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(request),
        signal: AbortSignal.timeout(2000),
      })
      const said = await answer.json()
      if (answer.ok) return said
      const again = ['unavailable', 'deadline_exceeded'].includes(said.code)
      if (!again) throw Object.assign(new Error(said.message), { final: true })
      throw new Error(said.message)
    } catch (error) {
      if (error.final || clock() > end) throw error
    }
    nodes.push(nodes.shift())
    await sleep(50)
  }
}

// An answer proves something about the moment at which it was asked for.
let until
const believe = (sent) => { until = sent + (ttl * 98) / 102 }

const nonce = (randomBytes(8).readBigUInt64BE() >> 1n) | 1n
let sent = clock()
const { session } = await call('OpenSession', { ttl: `${ttl / 1000}s`, info: { command: 'lock.mjs' }, nonce: `${nonce}` })
believe(sent)
const heart = setInterval(async () => {
  const sent = clock()
  try {
    await call('KeepAlive', { session })
    believe(sent)
  } catch {
    // the next one may come through; else the belief runs out
  }
}, ttl / 3)

let answer
do answer = await call('TryAcquire', { session, name, slot: 0, number: '1', wait: '1s' })
while (answer.waiting)
if (!answer.token) throw new Error(answer.refusal.message)
console.log('held', answer.token)

const guard = setInterval(() => {
  if (clock() < until) return
  console.error('lost') // at once: another may have it now
  process.exit(1)
}, 20)
for await (const _ of process.stdin);

clearInterval(guard)
clearInterval(heart)
const { released } = await call('Release', { session, name, token: answer.token, slot: 0, number: '2' })
console.log(released ? 'released' : 'lost')
await call('CloseSession', { session })
