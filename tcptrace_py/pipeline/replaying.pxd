# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.facts.timers cimport is_in_flight, may_be_in_flight
from tcptrace_py.findings.outline cimport Outline
from tcptrace_py.findings.vantage cimport Legs, Vantages, legs, place
from tcptrace_py.model.live cimport Connection as Live
from tcptrace_py.model.live cimport refused
from tcptrace_py.model.verdict cimport Verdict, View
from tcptrace_py.states.replay cimport judge
from tcptrace_py.states.signature cimport marks_of, signature


cdef long long MOST_NAMED, RECENT


cdef class Template:
    cdef public Verdict verdict
    cdef public Outline outline
    cdef public unsigned long long signature
    cdef public int where
    cdef public bint may_be_in_flight
    cdef public Template in_flight

    cpdef Template at_end(self, Live live, long long known_ns)


cdef class Replayer:
    cdef public long long longest_ns
    cdef public Vantages vantages
    cdef public dict named, templates
    cdef public list recent

    @cython.locals(known=Template)
    cpdef Template template(self, Live live, Legs own)
    @cython.locals(own=Legs, template=Template)
    cpdef Verdict verdict(self, Live live, bint resets=*)
    @cython.locals(template=Template)
    cpdef Verdict settled_verdict(self, Live live, Legs own)
    @cython.locals(name=bytes, verdict=Verdict)
    cdef Verdict _judged(self, Live live, View view, bint resets)
    @cython.locals(slot=cython.Py_ssize_t, recent=Template)
    cpdef Template known(self, unsigned long long signature, int where)


cpdef object template_name(object signature, int where, int client)
