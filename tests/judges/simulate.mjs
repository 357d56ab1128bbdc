// Asks an IAM simulator that others wrote, with AWS's own data on actions and conditions, about every request
// that the permission tests recorded (asked.jsonl: one command's requests and its policy in each line).
//
// node simulate.mjs asked.jsonl probes.json
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const EVERYTHING = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
// The tests' account; a simulator takes no account of zeros for one.
const ACCOUNT = '111111111111'
const KEY_POLICY = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: 'kms:*', Resource: '*' }
  ]
}

function inAccount(text) {
  return JSON.parse(JSON.stringify(text).replaceAll('0'.repeat(12), ACCOUNT))
}

async function decide(policy, ask) {
  const context = Object.fromEntries(
    Object.entries(ask.context).map(([key, value]) => [key, key === 'kms:ResourceAliases' ? [value] : value])
  )
  const simulation = {
    identityPolicies: [{ name: 'printed', policy }],
    serviceControlPolicies: [{ orgIdentifier: 'root', policies: [{ name: 'all', policy: EVERYTHING }] }],
    resourceControlPolicies: [],
    resourcePolicy: ask.action.startsWith('kms:') && ask.resource !== '*' ? KEY_POLICY : undefined,
    request: {
      principal: `arn:aws:iam::${ACCOUNT}:user/somebody`,
      action: ask.action,
      resource: { resource: ask.resource, accountId: ACCOUNT },
      contextVariables: context
    }
  }
  const answer = await runSimulation(simulation, {})
  return answer.resultType === 'error' ? `error: ${JSON.stringify(answer.errors)}` : answer.overallResult
}

const [asked, probes] = process.argv.slice(2).map((path) => readFileSync(path, 'utf-8'))
const runs = asked.trim().split('\n').map((line) => inAccount(JSON.parse(line)))
const decided = new Map()
let wrong = 0

for (const run of runs)
  for (const ask of run.asked) {
    // The same request of another command is another question: only some go on without an answer.
    const question = JSON.stringify([run.policy, run.command, ask])
    if (!decided.has(question)) decided.set(question, { run, ask, verdict: await decide(run.policy, ask) })
  }

const alike = (ask) => ask.resource.replace(/:\*$/, '')
const allowed = new Set()
for (const { run, ask, verdict } of decided.values())
  if (verdict === 'Allowed') allowed.add(JSON.stringify([run.policy, ask.action, alike(ask)]))
for (const { run, ask, verdict } of decided.values()) {
  // CloudWatch Logs checks a log group by one of two ARNs, and the recording has both.
  if (allowed.has(JSON.stringify([run.policy, ask.action, alike(ask)]))) continue
  if (run.goes_on_without.includes(ask.action)) continue
  wrong += 1
  console.log(`${run.command} in ${run.environment}: ${ask.action} on ${ask.resource}: ${verdict}`)
}
console.log(`${runs.length} commands, ${decided.size} different requests: ${wrong} denied`)

// Where nothing stands more is asked, and by everybody the same: one person was recorded there.
const NOTHING = 'nothing'
for (const purpose of new Set(runs.map((run) => run.purpose))) {
  const its = [...decided.values()].filter(({ run }) => run.purpose === purpose || run.environment === NOTHING)
  const used = new Set(its.filter(({ verdict }) => verdict === 'Allowed').map(({ ask }) => ask.action))
  const policies = runs.filter((run) => run.purpose === purpose).map((run) => run.policy)
  const granted = new Set(policies.flatMap(({ Statement }) => Statement.flatMap(({ Action }) => Action)))
  const idle = [...granted].filter((action) => !used.has(action))
  console.log(`to ${purpose}: ${granted.size} actions, ${idle.length} unused ${idle.join(' ')}`)
  wrong += idle.length
}

let reached = 0
const foreign = inAccount(JSON.parse(probes))
for (const probe of foreign) {
  const verdict = await decide(probe.policy, probe.ask)
  if ((verdict === 'Allowed') !== probe.allowed) {
    reached += 1
    console.log(`${probe.what}: ${probe.ask.action} on ${probe.ask.resource}: ${verdict}`)
  }
}
console.log(`${foreign.length} requests on other people's keys and roles: ${reached} decided otherwise than they should be`)
process.exitCode = wrong + reached ? 1 : 0
