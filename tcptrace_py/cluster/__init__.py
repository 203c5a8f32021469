"""Analyses on a cluster: `pipeline.distributed` carried out by Dask Distributed (extra `cluster`).

`engine` submits its tasks, `checkpoint` remembers what is done, `analysis` is what the commands and the API call.
"""
