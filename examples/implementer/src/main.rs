//! `my-server`: stands for the server you wrote. Here it is dimespec's reference server under another name.

use std::process::ExitCode;

fn main() -> ExitCode {
    dime::daemon::main()
}
