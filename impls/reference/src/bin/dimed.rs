//! `dimed`: an organization's server as a program, origin and destination of DIME mail.

use std::process::ExitCode;

fn main() -> ExitCode {
    dime::daemon::main()
}
