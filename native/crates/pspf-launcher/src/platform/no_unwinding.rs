//! An unwinder that unwinds nothing, and other symbols that stand in for more than we need.
//!
//! Release builds abort on a panic, so nobody unwinds; what is left of the standard library's use of the unwinder is the
//! backtrace of the panic message. It would bring the unwinder and a reader of debug information, which our stripped
//! binaries do not even have. With these definitions the linker leaves both out, and a panic
//! still says what and where.

#![expect(
    unsafe_code,
    reason = "these symbols are how the standard library finds what it uses"
)]

use std::ffi::{c_int, c_void};

/// `_URC_END_OF_STACK`: there are no frames.
const END_OF_STACK: c_int = 5;

macro_rules! nothing {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $result:ty = $value:expr;)+) => {
        $(
            // SAFETY: nothing else defines the symbol: the system's unwinder is a library that is only linked for what is
            // missing. The signatures are those of the Itanium C++ ABI.
            #[unsafe(no_mangle)]
            extern "C" fn $name($(_: $kind),*) -> $result {
                $value
            }
        )+
    };
}

nothing! {
    _Unwind_Backtrace(trace: *const c_void, argument: *mut c_void) -> c_int = END_OF_STACK;
    _Unwind_DeleteException(exception: *mut c_void) -> () = ();
    _Unwind_FindEnclosingFunction(pc: *mut c_void) -> *mut c_void = std::ptr::null_mut();
    _Unwind_GetCFA(context: *mut c_void) -> usize = 0;
    _Unwind_GetDataRelBase(context: *mut c_void) -> usize = 0;
    _Unwind_GetIP(context: *mut c_void) -> usize = 0;
    _Unwind_GetIPInfo(context: *mut c_void, before: *mut c_int) -> usize = 0;
    _Unwind_GetLanguageSpecificData(context: *mut c_void) -> *mut c_void = std::ptr::null_mut();
    _Unwind_GetRegionStart(context: *mut c_void) -> usize = 0;
    _Unwind_GetTextRelBase(context: *mut c_void) -> usize = 0;
    _Unwind_RaiseException(exception: *mut c_void) -> c_int = END_OF_STACK;
    _Unwind_Resume(exception: *mut c_void) -> () = std::process::abort();
    _Unwind_SetGR(context: *mut c_void, register: c_int, value: usize) -> () = ();
    _Unwind_SetIP(context: *mut c_void, value: usize) -> () = ();
}

/// Threads have no names: the C library would bring all of `printf` to write one.
// SAFETY: nothing else defines the symbol, and the signature is the C library's. The standard library takes a failure as well.
#[unsafe(no_mangle)]
extern "C" fn pthread_setname_np(_thread: *mut c_void, _name: *const c_void) -> c_int {
    0
}
