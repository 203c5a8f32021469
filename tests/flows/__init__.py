"""Tests of tcptrace_py/flows."""
