package tests_test

func Exported() {}
