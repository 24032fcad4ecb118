package main

// The program is its own Example: what it prints is checked.
func Example() {
	main()
	// Output: hello, world
}
