fn main() {
    dimespec::Suite::builtin()
        .filter(["privacy/"])
        .live()
        .implementation("destination", "adapter")
        .main()
}
