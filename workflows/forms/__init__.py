"""Forms as data: the format (`spec`), files (`load`), judging answers (`check`), reading them
(`sheet`). Pure: knows no database and no web."""
