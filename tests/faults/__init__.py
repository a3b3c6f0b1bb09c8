"""`make faults`: processes killed, databases stopped, disks full, clients racing; and the audit.

What clients were told is written down on their side and compared with every row afterwards. See
`python -m tests.faults --help`. Which fault is proved where (parts are `--only=…`):

| fault | proved by |
|---|---|
| F1 time zones | test_clocks (hours are hours), `TZ` of the server set to others |
| F2 hours and calendar days | test_clocks, test_calendar |
| F3 summer time of 1986 to 1991 | test_id_card, test_form_pages (the oldest mothers) |
| F4 clocks that jump | errors: clocks jump; test_housekeeping, test_incidents, test_worker |
| F5 down over a deadline | test_clocks (what was missed is said once) |
| F6 crash before a timer is saved | kills; timers are rows: test_engine, test_clocks |
| F7, F8, F9 kill -9 | kills, races; test_worker |
| F10 kill -9 while a file is made | kills, outages: worker frozen; test_outages (left behind), test_backups |
| F11 power | power; test_faults |
| F12 write and sync errors | errors: disk broken |
| F13 disk full | outages: disk full, with the message before; test_attachments |
| F14 database stopped | outages: database stopped |
| F15 slow, locked, deadlock, 40001, no connection | errors: database slow; outages: database locked |
| F16 SQLite busy | errors: sqlite busy; races; test_outages (a turn, the log) |
| F17 poisoned instances | test_incidents, test_fuzz |
| F18 what hogs | test_pdf_safety (time, size), test_attachments (size), endurance |
| F19 backup and restore | test_backups |
| F20 migrations | test_migrations |
| F21 months-old instances | test_kept_instances |
| F22 outside services | none is called: test_promises; programs: test_dossiers, test_pdf_safety, test_backups |
| F23 long run | endurance, soak |
| F24 two at once | errors: all but the first two; outages; test_backups (a restore that is killed) |
"""
