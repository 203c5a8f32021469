"""Tests of tcptrace_py/states."""
