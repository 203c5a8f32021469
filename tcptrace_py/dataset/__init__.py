"""The tables of an analysis as a data set: a folder of Parquet files with a manifest, written once and asked often.

`manifest` says what is in it (docs/tables.md describes the format), `place` where it is, `writing` makes it, `tables` reads it.
"""
