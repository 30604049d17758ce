using System.Globalization;

namespace PipelineOps;

/// <summary>Collects what is wrong with a set of options, so that one exception can list it all.</summary>
internal sealed class OptionsProblems
{
    private readonly List<string> _failures = [];

    /// <summary>Put before each field's path, such as <c>orders/load: </c>.</summary>
    public string Prefix { get; set; } = string.Empty;

    public void Require(bool valid, string field, object? value, string rule)
    {
        if (!valid)
            _failures.Add(string.Create(CultureInfo.InvariantCulture, $"{Prefix}{field} is {value ?? "null"}, but must be {rule}."));
    }

    public void Add(string failure) => _failures.Add(Prefix + failure);

    public void ThrowIfAny()
    {
        if (_failures.Count > 0)
            throw new InvalidOptionsException(_failures);
    }
}
