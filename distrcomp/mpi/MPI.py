# ruff: noqa: F401, F403, A004
"""The MPI module: all public names of the face, collected from the modules that make them."""

from __future__ import annotations

from .abort import _set_abort_status
from .assembly import settle as _settle
from .buffering import Attach_buffer, Detach_buffer, Flush_buffer, Iflush_buffer
from .comm import COMM_NULL, Comm
from .constants import *
from .datatype_names import (
    AINT,
    BFLOAT16_T,
    BOOL,
    BYTE,
    C_BOOL,
    C_COMPLEX,
    C_DOUBLE_COMPLEX,
    C_FLOAT_COMPLEX,
    C_LONG_DOUBLE_COMPLEX,
    CHAR,
    CHARACTER,
    COMPLEX,
    COMPLEX4,
    COMPLEX8,
    COMPLEX16,
    COMPLEX32,
    COUNT,
    CXX_BOOL,
    CXX_DOUBLE_COMPLEX,
    CXX_FLOAT_COMPLEX,
    CXX_LONG_DOUBLE_COMPLEX,
    DATATYPE_NULL,
    DOUBLE,
    DOUBLE_COMPLEX,
    DOUBLE_INT,
    DOUBLE_PRECISION,
    F_BOOL,
    F_COMPLEX,
    F_DOUBLE,
    F_DOUBLE_COMPLEX,
    F_FLOAT,
    F_FLOAT_COMPLEX,
    F_INT,
    FLOAT,
    FLOAT16_T,
    FLOAT32_T,
    FLOAT64_T,
    FLOAT_INT,
    INT,
    INT8_T,
    INT16_T,
    INT32_T,
    INT64_T,
    INT_INT,
    INTEGER,
    INTEGER1,
    INTEGER2,
    INTEGER4,
    INTEGER8,
    INTEGER16,
    LOGICAL,
    LOGICAL1,
    LOGICAL2,
    LOGICAL4,
    LOGICAL8,
    LOGICAL16,
    LONG,
    LONG_DOUBLE,
    LONG_DOUBLE_INT,
    LONG_INT,
    LONG_LONG,
    OFFSET,
    PACKED,
    REAL,
    REAL2,
    REAL4,
    REAL8,
    REAL16,
    SHORT,
    SHORT_INT,
    SIGNED_CHAR,
    SIGNED_INT,
    SIGNED_LONG,
    SIGNED_LONG_LONG,
    SIGNED_SHORT,
    SINT8_T,
    SINT16_T,
    SINT32_T,
    SINT64_T,
    TWOINT,
    UINT8_T,
    UINT16_T,
    UINT32_T,
    UINT64_T,
    UNSIGNED,
    UNSIGNED_CHAR,
    UNSIGNED_INT,
    UNSIGNED_LONG,
    UNSIGNED_LONG_LONG,
    UNSIGNED_SHORT,
    WCHAR,
    _typedict,
    _typedict_c,
    _typedict_f,
)
from .datatypes import Datatype, _datatype_create, _datatype_decode, _typealign, _typecode
from .environment import (
    Close_port,
    Finalize,
    Get_abi_fortran_info,
    Get_abi_info,
    Get_abi_version,
    Get_hw_resource_info,
    Get_library_version,
    Get_processor_name,
    Get_version,
    Init,
    Init_thread,
    Is_finalized,
    Is_initialized,
    Is_thread_main,
    Lookup_name,
    Open_port,
    Pcontrol,
    Publish_name,
    Query_thread,
    Register_datarep,
    Unpublish_name,
    Wtick,
    Wtime,
    get_vendor,
)
from .environment import start as _start
from .errhandler import ERRHANDLER_NULL, ERRORS_ABORT, ERRORS_ARE_FATAL, ERRORS_RETURN, Errhandler
from .errors import (
    ERR_ABI,
    ERR_ACCESS,
    ERR_AMODE,
    ERR_ARG,
    ERR_ASSERT,
    ERR_BAD_FILE,
    ERR_BASE,
    ERR_BUFFER,
    ERR_COMM,
    ERR_CONVERSION,
    ERR_COUNT,
    ERR_DIMS,
    ERR_DISP,
    ERR_DUP_DATAREP,
    ERR_ERRHANDLER,
    ERR_FILE,
    ERR_FILE_EXISTS,
    ERR_FILE_IN_USE,
    ERR_GROUP,
    ERR_IN_STATUS,
    ERR_INFO,
    ERR_INFO_KEY,
    ERR_INFO_NOKEY,
    ERR_INFO_VALUE,
    ERR_INTERN,
    ERR_IO,
    ERR_KEYVAL,
    ERR_LASTCODE,
    ERR_LOCKTYPE,
    ERR_NAME,
    ERR_NO_MEM,
    ERR_NO_SPACE,
    ERR_NO_SUCH_FILE,
    ERR_NOT_SAME,
    ERR_OP,
    ERR_OTHER,
    ERR_PENDING,
    ERR_PORT,
    ERR_PROC_ABORTED,
    ERR_PROC_FAILED,
    ERR_PROC_FAILED_PENDING,
    ERR_QUOTA,
    ERR_RANK,
    ERR_READ_ONLY,
    ERR_REQUEST,
    ERR_REVOKED,
    ERR_RMA_ATTACH,
    ERR_RMA_CONFLICT,
    ERR_RMA_FLAVOR,
    ERR_RMA_RANGE,
    ERR_RMA_SHARED,
    ERR_RMA_SYNC,
    ERR_ROOT,
    ERR_SERVICE,
    ERR_SESSION,
    ERR_SIZE,
    ERR_SPAWN,
    ERR_TAG,
    ERR_TOPOLOGY,
    ERR_TRUNCATE,
    ERR_TYPE,
    ERR_UNKNOWN,
    ERR_UNSUPPORTED_DATAREP,
    ERR_UNSUPPORTED_OPERATION,
    ERR_VALUE_TOO_LARGE,
    ERR_WIN,
    SUCCESS,
    Add_error_class,
    Add_error_code,
    Add_error_string,
    Get_error_class,
    Get_error_string,
    Remove_error_class,
    Remove_error_code,
    Remove_error_string,
)
from .errors import MPIException as Exception
from .grequest import Grequest
from .group import GROUP_EMPTY, GROUP_NULL, Group
from .handles import _addressof, _handleof, _sizeof
from .info import INFO_ENV, INFO_NULL, Info
from .memory import Aint_add, Aint_diff, Alloc_mem, Free_mem, Get_address, buffer
from .message import MESSAGE_NO_PROC, MESSAGE_NULL, Message
from .op import (
    BAND,
    BOR,
    BXOR,
    LAND,
    LOR,
    LXOR,
    MAX,
    MAXLOC,
    MIN,
    MINLOC,
    NO_OP,
    OP_NULL,
    PROD,
    REPLACE,
    SUM,
    Op,
)
from .pickles import Pickle, pickle
from .prequest import Prequest
from .request import REQUEST_NULL, Request
from .session import SESSION_NULL, Session
from .special_buffers import (
    BOTTOM,
    BUFFER_AUTOMATIC,
    IN_PLACE,
    BottomType,
    BufferAutomaticType,
    InPlaceType,
)
from .status import Status
from .worlds import COMM_SELF, COMM_WORLD

try:
    from .intracomm import Intracomm
except ImportError:
    pass
try:
    from .topology import Cartcomm, Compute_dims, Distgraphcomm, Graphcomm, Topocomm
except ImportError:
    pass
try:
    from .intercomm import Intercomm
except ImportError:
    pass
try:
    from .win import WIN_NULL, Win
except ImportError:
    pass
try:
    from .file import FILE_NULL, File
except ImportError:
    pass

memory = buffer

_settle(__name__, globals())
_start()
