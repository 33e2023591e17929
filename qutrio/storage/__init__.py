"""The data directory: paths, keys, the lock, the durable state, the journal and cluster.yaml."""
