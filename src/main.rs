//! The `difflab` program: hands over to [`difflab::cli`].

/// Training makes and drops large tensors all the time; the system's allocator would give their pages
/// back and fault them in again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    difflab::cli::main()
}
