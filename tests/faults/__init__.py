"""`make faults`: processes killed, databases stopped, disks full, clients racing; and the audit.

What clients were told is written down on their side and compared with every row afterwards. See
`python -m tests.faults --help`. Which fault is proved where (parts are `--only=…`):

| fault | proved by |
|---|---|
| F1 time zones | test_clocks: hours are hours wherever the server stands |
| F2 hours and calendar days | test_clocks, test_calendar |
| F3 summer time of 1986 to 1991 | test_id_card: age by the card, moments as typed |
| F4 clocks that jump | errors: clocks jump; test_housekeeping, test_incidents, test_worker |
| F5 down over a deadline | test_clocks: what was missed is said once |
| F6 crash before a timer is saved | kills; test_engine: timers take their moment from the clock |
| F7, F8, F9 kill -9 | kills, races; test_worker |
| F10 kill -9 while a file is made | kills; outages: worker frozen; test_outages, test_backups |
| F11 power | power; test_faults |
| F12 write and sync errors | errors: disk broken; test_pages |
| F13 disk full | outages: disk full, with the message before it; test_attachments |
| F14 database stopped | outages: database stopped; test_faults |
| F15 slow, locked, 40P01, 40001, full | errors: database slow; outages: database locked |
| F16 SQLite busy | errors: sqlite busy; races; test_outages |
| F17 poisoned instances | test_incidents; test_fuzz |
| F18 what hogs | test_pdf_safety, test_attachments: time and size; endurance |
| F19 backup and restore | test_backups |
| F20 migrations | test_migrations |
| F21 months-old instances | test_kept_instances |
| F22 outside services | test_promises: none is called; programs: test_dossiers, test_backups |
| F23 long run | endurance; `make soak` |
| F24 two at once | errors: whatever jumps, fills up or recovers; test_backups |
"""
