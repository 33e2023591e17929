"""Election engines: who *should* lead.  Whether that node acts is the mandate's decision."""
