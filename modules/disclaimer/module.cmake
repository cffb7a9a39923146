pkg_check_modules(GMIME REQUIRED IMPORTED_TARGET gmime-3.0)
target_link_libraries(module_disclaimer PRIVATE PkgConfig::GMIME)
