# gw_add_module(NAME FILES...) makes the target module_NAME, which builds NAME.so: nothing is visible in it but its entry, and
# nothing in it is left undefined, so a call of something that the gateway does not offer fails here and not at load time.
function(gw_add_module name)
  add_library(module_${name} MODULE ${ARGN})
  target_link_libraries(module_${name} PRIVATE GatewayModule::headers)
  target_link_options(module_${name} PRIVATE -Wl,--no-undefined -Wl,-z,now)
  set_target_properties(module_${name} PROPERTIES
    PREFIX "" OUTPUT_NAME ${name} C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
endfunction()

# gw_add_module_program(NAME PROGRAM FILES...) makes the program module_NAME_PROGRAM of FILES and the module's own object
# files, linked with the testkit and what the module links. TEST_FOLDER is where the first of FILES lies, for data beside it.
function(gw_add_module_program name test)
  set(program module_${name}_${test})
  add_executable(${program} ${ARGN} $<TARGET_OBJECTS:module_${name}>)
  target_include_directories(${program} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} $<TARGET_PROPERTY:module_${name},INCLUDE_DIRECTORIES>)
  target_link_libraries(${program} PRIVATE GatewayModule::testkit $<TARGET_PROPERTY:module_${name},LINK_LIBRARIES>)
  list(GET ARGN 0 first)
  get_filename_component(folder ${first} ABSOLUTE)
  get_filename_component(folder ${folder} DIRECTORY)
  target_compile_definitions(${program} PRIVATE TEST_FOLDER="${folder}")
  set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endfunction()

# gw_add_module_test(NAME TEST FILES...) makes such a program, and of it the ctest module.NAME.TEST.
function(gw_add_module_test name test)
  gw_add_module_program(${name} ${test} ${ARGN})
  set(program module_${name}_${test})
  add_test(NAME module.${name}.${test} COMMAND ${program})
  set_tests_properties(module.${name}.${test} PROPERTIES TIMEOUT 600)
endfunction()
