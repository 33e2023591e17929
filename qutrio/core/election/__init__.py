"""Election engines: which node *should* lead.  Whether it is master is decided by the lease."""
