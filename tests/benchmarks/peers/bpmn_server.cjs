// bpmn-server 2.3.8 (MIT), the published package unchanged, on the benchmark process.
//   node bpmn_server.cjs CASES LOOPS FOLDER
// It wants MongoDB. Its DataStore keeps its own code; the driver object it calls is ours: the few
// document operations it uses, on SQLite (WAL, FULL). No instance cache, its default.
'use strict';
const path = require('path');
const B = require('bpmn-server');
const { CASES, FOLDER, open, run } = require('./common.cjs');
console.log = () => {};

class Documents {
  constructor() {
    this.sql = open('bpmn-server');
    this.sql.exec(`create table doc (id text primary key, body text);
      create table lock (id text primary key);
      create table item (id text primary key, doc text, element text, status text)`);
    const q = (text) => this.sql.prepare(text);
    this.q = {
      get: q('select body from doc where id = ?'), put: q('insert or replace into doc values (?, ?)'),
      lock: q('insert into lock values (?)'), unlock: q('delete from lock where id = ?'),
      item: q('insert or replace into item values (?, ?, ?, ?)'), owner: q('select doc from item where id = ?'),
    };
    this.largest = 0;
  }

  put(doc) {
    const body = JSON.stringify(doc);
    this.largest = Math.max(this.largest, body.length);
    this.sql.transaction(() => {
      this.q.put.run(doc.id, body);
      for (const item of doc.items) {
        if (item.status === 'wait' || this.q.owner.get(item.id)) this.q.item.run(item.id, doc.id, item.elementId, item.status);
      }
    })();
  }

  async insert(db, collection, docs) {
    if (collection === 'wf_locks') this.q.lock.run(docs[0].id);
    else for (const doc of docs) this.put(JSON.parse(JSON.stringify(doc)));
  }

  async update(db, collection, query, change) {
    const doc = JSON.parse(this.q.get.get(query.id).body);
    this.put(Object.assign(doc, JSON.parse(JSON.stringify(change.$set))));
    return 1;
  }

  async find(db, collection, query) {
    const item = (query.items && query.items.$elemMatch && query.items.$elemMatch.id) || query['items.id'];
    const id = query.id || (item && (this.q.owner.get(item) || {}).doc);
    const row = id && this.q.get.get(id);
    return row ? [JSON.parse(row.body)] : [];
  }

  async remove(db, collection, query) {
    if (collection === 'wf_locks') this.q.unlock.run(query.id);
  }
}

const documents = new Documents();
const logger = new B.Logger({ toConsole: false });
const configuration = new B.Configuration({
  definitionsPath: path.join(path.resolve(FOLDER), 'bpmn-server') + path.sep,
  templatesPath: __dirname,
  timers: { forceTimersDelay: null, precision: 3000 },
  database: { MongoDB: { db_url: 'mongodb://127.0.0.1:1', db: 'bpmn' } },  // never connected
  apiKey: '1',
  logger: () => logger,
  definitions: (server) => new B.ModelsDatastore(server),
  appDelegate: (server) => new B.DefaultAppDelegate(server),
  dataStore: (server) => Object.assign(new B.DataStore(server), { db: documents }),
  cacheManager: (server) => new B.NoCacheManager(server),
  scriptHandler: () => new B.ScriptHandler(),
});
const server = new B.BPMNServer(configuration, logger, { cron: false });

(async () => {
  const ids = [];
  for (let i = 0; i <= CASES; i++) ids.push((await server.engine.start('bench', { n: i })).instance.id);
  const waiting = documents.sql.prepare(
    "select id from item where doc = ? and element = ? and status = 'wait' order by rowid limit 1");
  const step = (i, name, last) => server.engine.invoke({ 'items.id': waiting.get(ids[i], name).id },
    name === 'accept' ? { decision: last ? 'ok' : 'supplement' } : {});
  const status = () => JSON.parse(documents.q.get.get(ids[0]).body).status;
  await run('bpmn-server', step, () => `largest state ${documents.largest} B, status ${status()}`);
  process.exit(status() === 'end' ? 0 : 1);
})().catch((error) => { process.stderr.write(`${error.stack}\n`); process.exit(1); });
