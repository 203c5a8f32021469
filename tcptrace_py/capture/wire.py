"""A pcap record's header, read at an offset in one call: seconds, fraction, captured and wire length.

Kept apart from the walk that uses it for the same reason as `decode.wire`: a `.pxd` beside this file names inline C
functions with the same results. All raise struct.error where the buffer ends too early.
"""

from struct import Struct

little = Struct("<IIII").unpack_from
big = Struct(">IIII").unpack_from
