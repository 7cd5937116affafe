//! A job has one thread. Who asks the C library for another gets an error and goes on alone, as `rten` does; but Debian's C
//! library for WASI is older than that, and does not know the question. This is the answer that newer ones give.
use std::ffi::{c_int, c_void};

/// `ENOTSUP` of WASI.
const NOT_SUPPORTED: c_int = 58;

#[no_mangle]
extern "C" fn pthread_create(
    _: *mut c_void,
    _: *const c_void,
    _: *const c_void,
    _: *mut c_void,
) -> c_int {
    NOT_SUPPORTED
}

#[no_mangle]
extern "C" fn pthread_attr_init(_: *mut c_void) -> c_int {
    0
}

#[no_mangle]
extern "C" fn pthread_attr_setstacksize(_: *mut c_void, _: usize) -> c_int {
    0
}

#[no_mangle]
extern "C" fn pthread_attr_destroy(_: *mut c_void) -> c_int {
    0
}

#[no_mangle]
extern "C" fn pthread_detach(_: *mut c_void) -> c_int {
    NOT_SUPPORTED
}
