"""The disk: places, keys, the lock, the durable state, and cluster.yaml."""
