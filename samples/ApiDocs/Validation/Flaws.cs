namespace ApiDocs.Validation;

/// <summary>A record that is not worth indexing. Each flaw is a type of its own, so that the failure store groups them apart.</summary>
public abstract class FlawException(string message) : FormatException(message);

public sealed class MalformedNameException(string id) : FlawException($"'{id}' is no documentation id");

public sealed class NoSummaryException() : FlawException("the summary is missing or empty");

public sealed class SilentParameterException(IEnumerable<string> names) : FlawException($"parameters without text: {string.Join(", ", names)}");

public sealed class MalformedReferenceException(string reference) : FlawException($"'{reference}' is no reference");
