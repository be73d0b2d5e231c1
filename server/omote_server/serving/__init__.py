"""Ways in: the gRPC service, its settings, errors as statuses, metrics."""
