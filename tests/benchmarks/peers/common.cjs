// Shared by the two Node drivers: arguments, an empty SQLite file (WAL, FULL), the script, the report.
'use strict';
const fs = require('fs');
const path = require('path');
const Database = require('better-sqlite3');

const CASES = Number(process.argv[2]), LOOPS = Number(process.argv[3]), FOLDER = process.argv[4];
if (!FOLDER) { console.error('usage: node <driver>.cjs CASES LOOPS FOLDER'); process.exit(2); }
const script = ['submit', 'accept'];
for (let i = 0; i < LOOPS; i++) script.push('supplement', 'accept');
script.push(...Array(7).fill('review'), 'sign');

function open(name) {
  const file = path.join(FOLDER, `${name}.db`);
  for (const suffix of ['', '-wal', '-shm']) fs.rmSync(file + suffix, { force: true });
  const db = new Database(file);
  db.pragma('journal_mode = wal');
  db.pragma('synchronous = full');
  return db;
}

// run(step): step(case, name, last) for every case and script line; prints one line of figures.
// Case 0 is played first and not measured: compilers and caches of all engines are warm.
async function run(label, step, note) {
  for (let k = 0; k < script.length; k++) await step(0, script[k], k >= script.length - 9);
  const times = [], cpu0 = process.cpuUsage(), t0 = process.hrtime.bigint();
  for (let k = 0; k < script.length; k++) {
    for (let i = 1; i <= CASES; i++) {
      const t = process.hrtime.bigint();
      await step(i, script[k], k >= script.length - 9);
      times.push(Number(process.hrtime.bigint() - t) / 1e6);
    }
  }
  const wall = Number(process.hrtime.bigint() - t0) / 1e9, used = process.cpuUsage(cpu0), n = times.length;
  times.sort((a, b) => a - b);
  process.stdout.write(`${label.padEnd(12)} cases=${CASES} loops=${LOOPS} ${(n / wall).toFixed(0).padStart(6)} steps/s, ` +
    `cpu ${((used.user + used.system) / 1e3 / n).toFixed(2)} ms/step, median ${times[n >> 1].toFixed(2)} ms, ` +
    `p90 ${times[Math.floor(n * 0.9)].toFixed(2)} ms, ${note()}\n`);
}

module.exports = { CASES, FOLDER, open, run };
