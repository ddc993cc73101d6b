//! The `difflab` program: hands over to [`difflab::cli`].

use difflab::kernels::memory;

#[global_allocator]
static ALLOCATOR: memory::Allocator = memory::Allocator;

fn main() -> std::process::ExitCode {
    memory::keep_pages();
    difflab::cli::main()
}
