// bpmn-engine 25.0.1 (MIT) on the benchmark process: getState -> SQLite -> recover at every step.
//   node bpmn_engine.cjs CASES LOOPS FOLDER
// A multi-instance task is found by listening to activity.wait and signalled by executionId.
// stop() ends its setTimeout timers; it must not be awaited on a completed engine (never resolves).
'use strict';
const fs = require('fs');
const path = require('path');
const { EventEmitter } = require('events');
const { Engine } = require('bpmn-engine');
const { CASES, FOLDER, open, run } = require('./common.cjs');

const source = fs.readFileSync(path.join(FOLDER, 'bpmn-engine', 'bench.bpmn'), 'utf8');
const db = open('bpmn-engine');
db.exec(`create table process (id integer primary key, rev int, state blob);
  create table timer (process int, task text, due text); create index a on timer (process);
  create table task (process int, task text, name text); create index b on task (process);`);
const sql = {
  read: db.prepare('select rev, state from process where id = ?'),
  write: db.prepare('update process set state = ?, rev = rev + 1 where id = ? and rev = ?'),
  create: db.prepare('insert into process values (?, 0, ?)'),
  noTimers: db.prepare('delete from timer where process = ?'),
  timer: db.prepare('insert into timer values (?, ?, ?)'),
  noTasks: db.prepare('delete from task where process = ?'),
  task: db.prepare('insert into task values (?, ?, ?)'),
};
let supplement = false, largest = 0, done = false;
const services = { isSupplement() { return supplement; } };

async function start(id) {
  const engine = new Engine({ name: 'bench', source, services });
  await engine.execute();
  sql.create.run(id, JSON.stringify(await engine.getState()));
  await engine.stop();
}

async function step(id, name, last) {
  db.exec('begin immediate');
  const row = sql.read.get(id);
  const waiting = new Map(), listener = new EventEmitter();
  listener.on('activity.wait', (a) => { if (a.type === 'bpmn:UserTask') waiting.set(a.executionId, a); });
  const engine = new Engine({ name: 'bench', services }).recover(JSON.parse(row.state), { services });
  const execution = await engine.resume({ listener });
  supplement = name === 'accept' && !last;
  const task = [...waiting.values()].find((a) => a.id === name);
  waiting.delete(task.executionId);
  execution.signal({ id: name, executionId: task.executionId });
  done = execution.completed || execution.state === 'idle' || engine.state === 'idle';
  const state = JSON.stringify(await engine.getState());
  largest = Math.max(largest, state.length);
  sql.write.run(state, id, row.rev);
  sql.noTimers.run(id);
  for (const t of execution.environment.timers.executing) {
    sql.timer.run(id, String(t.owner && t.owner.id), t.expireAt.toISOString());
  }
  sql.noTasks.run(id);
  for (const a of waiting.values()) sql.task.run(id, a.executionId, a.id);
  db.exec('commit');
  if (!done) await engine.stop();
}

(async () => {
  for (let i = 0; i <= CASES; i++) await start(i);
  await run('bpmn-engine', step, () => `largest state ${largest} B, done ${done}`);
  process.exit(done ? 0 : 1);
})().catch((error) => { console.error(error); process.exit(1); });
