//! The `dimespec` program.

mod program;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::main()
}
