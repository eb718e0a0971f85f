"""The audit of proxied calls: written by `writer`, read by `queries`, pruned by `retention`."""
