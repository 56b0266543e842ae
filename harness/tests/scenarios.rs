//! One libtest trial for each case of the built-in suite, in the simulation.

fn main() {
    dimespec::Suite::builtin().main()
}
