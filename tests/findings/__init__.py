"""Tests of tcptrace_py/findings."""
