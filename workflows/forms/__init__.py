"""Forms as data: format (`spec`), loading (`load`), judging answers (`check`)."""
