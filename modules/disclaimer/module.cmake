pkg_check_modules(GMIME REQUIRED IMPORTED_TARGET gmime-3.0)
target_link_libraries(module_disclaimer PRIVATE PkgConfig::GMIME)
# Shared with other modules: what GMime is not to see.
target_sources(module_disclaimer PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../common/charsets.c)
