"""Verdicts to tables: each connection a row of typed columns, with rows of its states, stays, resets and anomalies."""
