//! The `difflab` program: hands over to [`difflab::cli`].

fn main() -> std::process::ExitCode {
    difflab::cli::main()
}
