"""One file per rule; `registry.Rule` says what each must offer. Nothing else has to know a new one."""
